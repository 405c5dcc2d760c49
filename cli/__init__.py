"""Command line of audiocodec: parse, call the library, print."""
