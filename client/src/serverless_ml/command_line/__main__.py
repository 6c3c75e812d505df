"""`python -m serverless_ml.command_line` is the command as well."""

from serverless_ml.command_line import main

if __name__ == "__main__":
    main()
