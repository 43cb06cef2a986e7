/*
 * The least that a server of ShouldRateLimit does: it waits, reads, and answers every call with a constant by one write a
 * turn of a connection. It checks nothing and keeps no more of HTTP/2 (RFC 9113) than the bench's generator needs, so what
 * it costs is what sockets cost, and nobody can undercut it. Prints the port that it listens on. Linux.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };
enum { PREFACE = 24, HEAD = 9, EVENTS = 64, BUFFER = 1 << 18, WINDOW = 1 << 14 };

struct connection {
  int socket, greeted, held, unreported;
  uint8_t bytes[BUFFER];
};

/* :status 200 and content-type application/grpc; a RateLimitResponse of OK; grpc-status 0. */
static const uint8_t head[] = {0x88, 0x5f, 0x8b, 0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c, 0x4d, 0x65, 0x64};
static const uint8_t message[] = {0, 0, 0, 0, 2, 8, 1};
static const uint8_t trailers[] = {0x40, 0x88, 0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f, 0x01, 0x30};

static uint8_t output[4 * BUFFER];

static uint8_t *frame(uint8_t *at, int type, int flags, uint32_t stream, const uint8_t *payload, int length) {
  const uint8_t bytes[HEAD] = {length >> 16,  length >> 8, length,      type,  flags,
                               stream >> 24, stream >> 16, stream >> 8, stream};
  memcpy(at, bytes, HEAD);
  memcpy(at + HEAD, payload, length);
  return at + HEAD + length;
}

static uint8_t *answer(uint8_t *at, uint32_t stream) {
  at = frame(at, HEADERS, END_HEADERS, stream, head, sizeof head);
  at = frame(at, DATA, 0, stream, message, sizeof message);
  return frame(at, HEADERS, END_HEADERS | END_STREAM, stream, trailers, sizeof trailers);
}

static uint8_t *report(uint8_t *at, struct connection *from, int length) {
  from->unreported += length;
  if (from->unreported < WINDOW) return at;
  uint32_t credit = htonl(from->unreported);
  from->unreported = 0;
  return frame(at, WINDOW_UPDATE, 0, 0, (const uint8_t *)&credit, sizeof credit);
}

static uint8_t *take(uint8_t *at, struct connection *from, const uint8_t *found, int length) {
  int type = found[3], flags = found[4];
  uint32_t stream = (uint32_t)found[5] << 24 | found[6] << 16 | found[7] << 8 | found[8];
  if (type == SETTINGS && !(flags & ACK)) return frame(at, SETTINGS, ACK, 0, found, 0);
  if (type == PING && !(flags & ACK)) return frame(at, PING, ACK, 0, found + HEAD, 8);
  if (type != DATA) return at;
  at = report(at, from, length);
  return flags & END_STREAM ? answer(at, stream) : at;
}

static void serve(struct connection *from) {
  int count = read(from->socket, from->bytes + from->held, BUFFER - from->held);
  if (count <= 0) {
    close(from->socket);
    free(from);
    return;
  }
  uint8_t *at = output, *found = from->bytes, *end = found + from->held + count;
  if (!from->greeted && end - found >= PREFACE) {
    from->greeted = 1;
    found += PREFACE;
    at = frame(at, SETTINGS, 0, 0, found, 0);
  }
  while (from->greeted && end - found >= HEAD) {
    int length = found[0] << 16 | found[1] << 8 | found[2];
    if (end - found < HEAD + length) break;
    at = take(at, from, found, length);
    found += HEAD + length;
  }
  from->held = end - found;
  memmove(from->bytes, found, from->held);
  if (at > output && write(from->socket, output, at - output) < 0) perror("floor");
}

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, EVENTS) < 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(poll, events, EVENTS, -1);
    for (int index = 0; index < count; index++) {
      struct connection *from = events[index].data.ptr;
      if (from != NULL) {
        serve(from);
        continue;
      }
      from = calloc(1, sizeof *from);
      from->socket = accept(listener, NULL, NULL);
      setsockopt(from->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      event.data.ptr = from;
      epoll_ctl(poll, EPOLL_CTL_ADD, from->socket, &event);
    }
  }
}
