/*
 * The minimum that a server of ShouldRateLimit does: it waits, reads, and responds to every call with a constant, with
 * one write for everything that it has just read from a connection. It checks nothing, and of HTTP/2 (RFC 9113) it
 * implements only what the bench's generator needs. So its cost is the cost of the sockets, and no server can be
 * cheaper. Prints the port that it listens on. Linux only.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Frame types and flags (RFC 9113, section 6). */
enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };
enum { PREFACE_BYTES = 24, FRAME_HEADER_BYTES = 9, MAX_EVENTS = 64, BUFFER_BYTES = 1 << 18, WINDOW_BYTES = 1 << 14 };

struct connection {
  int socket;
  /* Whether the client's preface has arrived. */
  int greeted;
  /* Bytes of an incomplete frame at the start of `input`. */
  int pending;
  /* Bytes of DATA that no WINDOW_UPDATE has acknowledged yet. */
  int unacknowledged;
  uint8_t input[BUFFER_BYTES];
};

/* :status 200 and content-type application/grpc; a RateLimitResponse of OK; grpc-status 0. */
static const uint8_t headers[] = {0x88, 0x5f, 0x8b, 0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c, 0x4d, 0x65, 0x64};
static const uint8_t message[] = {0, 0, 0, 0, 2, 8, 1};
static const uint8_t trailers[] = {0x40, 0x88, 0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f, 0x01, 0x30};

static uint8_t output[4 * BUFFER_BYTES];

/* The write_ functions write at `out` and return the end of what they wrote. */
static uint8_t *write_frame(uint8_t *out, int type, int flags, uint32_t stream, const uint8_t *payload, int length) {
  const uint8_t header[FRAME_HEADER_BYTES] = {length >> 16,  length >> 8, length,      type,  flags,
                                              stream >> 24, stream >> 16, stream >> 8, stream};
  memcpy(out, header, FRAME_HEADER_BYTES);
  memcpy(out + FRAME_HEADER_BYTES, payload, length);
  return out + FRAME_HEADER_BYTES + length;
}

static uint8_t *write_response(uint8_t *out, uint32_t stream) {
  out = write_frame(out, HEADERS, END_HEADERS, stream, headers, sizeof headers);
  out = write_frame(out, DATA, 0, stream, message, sizeof message);
  return write_frame(out, HEADERS, END_HEADERS | END_STREAM, stream, trailers, sizeof trailers);
}

static uint8_t *write_window_update(uint8_t *out, struct connection *from, int length) {
  from->unacknowledged += length;
  if (from->unacknowledged < WINDOW_BYTES) return out;
  uint32_t credit = htonl(from->unacknowledged);
  from->unacknowledged = 0;
  return write_frame(out, WINDOW_UPDATE, 0, 0, (const uint8_t *)&credit, sizeof credit);
}

static uint8_t *handle_frame(uint8_t *out, struct connection *from, const uint8_t *frame, int length) {
  int type = frame[3], flags = frame[4];
  uint32_t stream = (uint32_t)frame[5] << 24 | frame[6] << 16 | frame[7] << 8 | frame[8];
  if (type == SETTINGS && !(flags & ACK)) return write_frame(out, SETTINGS, ACK, 0, frame, 0);
  if (type == PING && !(flags & ACK)) return write_frame(out, PING, ACK, 0, frame + FRAME_HEADER_BYTES, 8);
  if (type != DATA) return out;
  out = write_window_update(out, from, length);
  return flags & END_STREAM ? write_response(out, stream) : out;
}

static void handle_readable(struct connection *from) {
  int count = read(from->socket, from->input + from->pending, BUFFER_BYTES - from->pending);
  if (count <= 0) {
    close(from->socket);
    free(from);
    return;
  }
  uint8_t *out = output, *next = from->input, *end = next + from->pending + count;
  if (!from->greeted && end - next >= PREFACE_BYTES) {
    from->greeted = 1;
    next += PREFACE_BYTES;
    out = write_frame(out, SETTINGS, 0, 0, next, 0);
  }
  while (from->greeted && end - next >= FRAME_HEADER_BYTES) {
    int length = next[0] << 16 | next[1] << 8 | next[2];
    if (end - next < FRAME_HEADER_BYTES + length) break;
    out = handle_frame(out, from, next, length);
    next += FRAME_HEADER_BYTES + length;
  }
  from->pending = end - next;
  memmove(from->input, next, from->pending);
  if (out > output && write(from->socket, output, out - output) < 0) perror("floor");
}

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  struct epoll_event event = {.events = EPOLLIN}, events[MAX_EVENTS];
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, MAX_EVENTS) < 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  /* The event of the listener has no connection. */
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(poll, events, MAX_EVENTS, -1);
    for (int index = 0; index < count; index++) {
      struct connection *from = events[index].data.ptr;
      if (from != NULL) {
        handle_readable(from);
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
