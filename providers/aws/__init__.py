"""Amazon Web Services: S3, SQS, SSM and Lambda."""
