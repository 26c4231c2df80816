// The limit for looking at what hosts serve: OpenSSL's handshake, by a thread for each connection, and the certificate's digest.
//
// usage: certfleet-bench-tls WIDTH SERVER_NAME PORT <ADDRESSES
//
// Prints how many hosts showed a certificate.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_HOSTS = 20000 };

static char addresses[MOST_HOSTS][64];
static int host_count, port;
static atomic_int next_host, answered;
static const char *server_name;
static SSL_CTX *context;

static void ask(const char *address) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, address, &place.sin_addr);
  int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(connection, (struct sockaddr *)&place, sizeof place) == 0) {
    SSL *session = SSL_new(context);
    SSL_set_fd(session, connection);
    SSL_set_tlsext_host_name(session, server_name);
    if (SSL_connect(session) == 1) {
      X509 *leaf = SSL_get1_peer_certificate(session);
      unsigned char digest[EVP_MAX_MD_SIZE];
      unsigned length;
      if (leaf && X509_digest(leaf, EVP_sha256(), digest, &length)) atomic_fetch_add(&answered, 1);
      X509_free(leaf);
    }
    SSL_free(session);
  }
  close(connection);
}

static void *work(void *unused) {
  (void)unused;
  for (int host; (host = atomic_fetch_add(&next_host, 1)) < host_count;) ask(addresses[host]);
  return NULL;
}

int main(int count, char **words) {
  if (count != 4) return 64;
  int width = atoi(words[1]);
  server_name = words[2];
  port = atoi(words[3]);
  signal(SIGPIPE, SIG_IGN);
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
  while (host_count < MOST_HOSTS && scanf("%63s", addresses[host_count]) == 1) host_count++;
  pthread_t threads[width];
  for (int thread = 0; thread < width; thread++) pthread_create(&threads[thread], NULL, work, NULL);
  for (int thread = 0; thread < width; thread++) pthread_join(threads[thread], NULL);
  printf("%d\n", answered);
  return answered == host_count ? 0 : 1;
}
