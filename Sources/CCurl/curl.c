#define _GNU_SOURCE
#define CURL_DISABLE_TYPECHECK
#include "CCurl.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>

static void *library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// The name that every libcurl since 7.16 has, by its ABI.
static void load(void) { library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL); }

bool certfleet_curl_load(void) {
  pthread_once(&once, load);
  return library != NULL;
}

static void *symbol(const char *name) { return certfleet_curl_load() ? dlsym(library, name) : NULL; }

#define CALL(name) ((__typeof__(name) *)symbol(#name))

CURLcode certfleet_curl_global_init(long flags) { return CALL(curl_global_init)(flags); }
const char *certfleet_curl_version(void) { return CALL(curl_version)(); }
time_t certfleet_curl_getdate(const char *text) { return certfleet_curl_load() ? CALL(curl_getdate)(text, NULL) : -1; }
CURL *certfleet_curl_easy_init(void) { return CALL(curl_easy_init)(); }
void certfleet_curl_easy_cleanup(CURL *handle) { CALL(curl_easy_cleanup)(handle); }
void certfleet_curl_easy_reset(CURL *handle) { CALL(curl_easy_reset)(handle); }
CURLcode certfleet_curl_easy_perform(CURL *handle) { return CALL(curl_easy_perform)(handle); }
const char *certfleet_curl_easy_strerror(CURLcode code) { return CALL(curl_easy_strerror)(code); }
struct curl_slist *certfleet_curl_slist_append(struct curl_slist *list, const char *text) {
  return CALL(curl_slist_append)(list, text);
}
void certfleet_curl_slist_free_all(struct curl_slist *list) { CALL(curl_slist_free_all)(list); }

CURLcode certfleet_curl_set_string(CURL *handle, CURLoption option, const char *value) {
  return CALL(curl_easy_setopt)(handle, option, value);
}

CURLcode certfleet_curl_set_long(CURL *handle, CURLoption option, long value) {
  return CALL(curl_easy_setopt)(handle, option, value);
}

CURLcode certfleet_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return CALL(curl_easy_setopt)(handle, option, value);
}

CURLcode certfleet_curl_set_receiver(CURL *handle, CURLoption option, certfleet_curl_receiver value) {
  return CALL(curl_easy_setopt)(handle, option, value);
}

CURLcode certfleet_curl_get_long(CURL *handle, CURLINFO info, long *value) {
  return CALL(curl_easy_getinfo)(handle, info, value);
}

static int close_on_exec(void *client, curl_socket_t socket, curlsocktype purpose) {
  (void)client, (void)purpose;
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

CURLcode certfleet_curl_keep_to_ourselves(CURL *handle) {
  return CALL(curl_easy_setopt)(handle, CURLOPT_SOCKOPTFUNCTION, close_on_exec);
}
