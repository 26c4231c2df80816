/// What this program was built of: `git describe` of the tree, or `NULL` where it was not built by make.
const char *certfleet_commit(void);
