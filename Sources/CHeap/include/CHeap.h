// Nothing is called by name: that this is linked changes what free(3) does.
