// The command line is `src/cli`; this file only hands over argv and ends with its exit code.
