#pragma once
#include <curl/curl.h>
#include <stdbool.h>

// libcurl, loaded when it is first needed: with it come gnutls, Kerberos, LDAP and twenty more libraries, which a process that orders
// nothing, as nearly all are, would carry for nothing (4 of its 15 MB). Functions have the names that curl(3) gives them.

// Whether it could be loaded; the others may be called only then.
bool certfleet_curl_load(void);

CURLcode certfleet_curl_global_init(long flags);
const char *certfleet_curl_version(void);
time_t certfleet_curl_getdate(const char *text);
CURL *certfleet_curl_easy_init(void);
void certfleet_curl_easy_cleanup(CURL *handle);
void certfleet_curl_easy_reset(CURL *handle);
CURLcode certfleet_curl_easy_perform(CURL *handle);
const char *certfleet_curl_easy_strerror(CURLcode code);
struct curl_slist *certfleet_curl_slist_append(struct curl_slist *list, const char *text);
void certfleet_curl_slist_free_all(struct curl_slist *list);

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one function for each type.
CURLcode certfleet_curl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode certfleet_curl_set_long(CURL *handle, CURLoption option, long value);
CURLcode certfleet_curl_set_pointer(CURL *handle, CURLoption option, void *value);
typedef size_t (*certfleet_curl_receiver)(char *, size_t, size_t, void *);
CURLcode certfleet_curl_set_receiver(CURL *handle, CURLoption option, certfleet_curl_receiver value);
CURLcode certfleet_curl_get_long(CURL *handle, CURLINFO info, long *value);

// Connections are not for the programs that hooks start.
CURLcode certfleet_curl_keep_to_ourselves(CURL *handle);
