#pragma once
#include <curl/curl.h>
#include <fcntl.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one function for each type.
static inline CURLcode certfleet_curl_set_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode certfleet_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode certfleet_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}

typedef size_t (*certfleet_curl_receiver)(char *, size_t, size_t, void *);

static inline CURLcode certfleet_curl_set_receiver(
    CURL *handle, CURLoption option, certfleet_curl_receiver value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode certfleet_curl_get_long(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}

// Connections are not for the programs that hooks start.
static inline int certfleet_curl_close_on_exec(void *client, curl_socket_t socket, curlsocktype purpose) {
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

static inline CURLcode certfleet_curl_keep_to_ourselves(CURL *handle) {
  return curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, certfleet_curl_close_on_exec);
}
