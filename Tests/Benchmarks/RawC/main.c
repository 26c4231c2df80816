// The limit: the same agent, driven by a thread for each connection on raw libssh2, with nothing kept of what it says.
//
// usage: certfleet-bench-raw WIDTH USER IDENTITY <JOBS
//
// JOBS has a line for each host: ADDRESS PORT NONCE REQUEST, where REQUEST is a file with everything that goes to the
// command's stdin, or `-` to log in and leave. Prints how many hosts ended well.

#include <arpa/inet.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_JOBS = 20000, LONGEST_REPLY = 1 << 18 };

struct job {
  char address[64], nonce[64], request[256];
  int port;
};

static struct job jobs[MOST_JOBS];
static int job_count;
static atomic_int next_job, ended_well;
static const char *user, *identity;

static int dial(const struct job *job) {
  struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((unsigned short)job->port)};
  inet_pton(AF_INET, job->address, &target.sin_addr);
  int descriptor = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(descriptor, (struct sockaddr *)&target, sizeof target) == 0) return descriptor;
  close(descriptor);
  return -1;
}

static int write_all(LIBSSH2_CHANNEL *channel, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t sent = libssh2_channel_write(channel, bytes, count);
    if (sent < 0) return -1;
    bytes += sent;
    count -= (size_t)sent;
  }
  return 0;
}

static char *contents(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *count = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*count);
  if (bytes && fread(bytes, 1, *count, file) != *count) *count = 0;
  fclose(file);
  return bytes;
}

// Reads frames until the visit's end; gives the word when the agent asks for it.
static int converse(LIBSSH2_CHANNEL *channel, const struct job *job) {
  char *reply = malloc(LONGEST_REPLY), await[128], end[128], word[128];
  snprintf(await, sizeof await, "@certfleet %s 0 await", job->nonce);
  snprintf(end, sizeof end, "@certfleet %s 0 end ok", job->nonce);
  snprintf(word, sizeof word, "%s commit\n", job->nonce);
  size_t filled = 0;
  int given = 0, well = 0;
  while (!well && filled < LONGEST_REPLY - 1) {
    ssize_t count = libssh2_channel_read(channel, reply + filled, LONGEST_REPLY - 1 - filled);
    if (count <= 0) break;
    filled += (size_t)count;
    reply[filled] = 0;
    if (!given && strstr(reply, await)) {
      given = 1;
      write_all(channel, word, strlen(word));
    }
    well = strstr(reply, end) != NULL;
  }
  free(reply);
  return well;
}

static int visit(LIBSSH2_SESSION *session, int descriptor, const struct job *job) {
  libssh2_session_method_pref(session, LIBSSH2_METHOD_HOSTKEY, "ssh-ed25519");
  if (libssh2_session_handshake(session, descriptor) != 0) return 0;
  if (libssh2_userauth_publickey_fromfile(session, user, NULL, identity, NULL) != 0) return 0;
  if (strcmp(job->request, "-") == 0) return 1;
  size_t count = 0;
  char *bytes = contents(job->request, &count);
  LIBSSH2_CHANNEL *channel = bytes ? libssh2_channel_open_session(session) : NULL;
  int well = channel && libssh2_channel_exec(channel, "exec /bin/sh -s") == 0 &&
             write_all(channel, bytes, count) == 0 && converse(channel, job);
  free(bytes);
  return well;
}

static void *work(void *unused) {
  (void)unused;
  int index;
  while ((index = atomic_fetch_add(&next_job, 1)) < job_count) {
    int descriptor = dial(&jobs[index]);
    if (descriptor < 0) continue;
    LIBSSH2_SESSION *session = libssh2_session_init();
    ended_well += visit(session, descriptor, &jobs[index]);
    libssh2_session_disconnect(session, "");
    libssh2_session_free(session);
    close(descriptor);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  int width = atoi(argv[1]);
  user = argv[2];
  identity = argv[3];
  while (job_count < MOST_JOBS && scanf("%63s %d %63s %255s", jobs[job_count].address, &jobs[job_count].port,
                                        jobs[job_count].nonce, jobs[job_count].request) == 4)
    job_count++;
  libssh2_init(0);
  pthread_t *threads = calloc((size_t)width, sizeof *threads);
  for (int index = 0; index < width; index++) pthread_create(&threads[index], NULL, work, NULL);
  for (int index = 0; index < width; index++) pthread_join(threads[index], NULL);
  printf("%d of %d\n", (int)ended_well, job_count);
  return ended_well == job_count ? 0 : 1;
}
