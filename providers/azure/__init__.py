"""Microsoft Azure: Blob Storage, a storage queue, two Flex Consumption function apps."""
