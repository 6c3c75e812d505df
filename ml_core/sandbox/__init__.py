"""Work that may die alone: a child process with a bound on memory and time, and a folder of its own."""
