/*
 * poisson-load PORT REQUESTS RATE WARM_UP SECONDS SEED: sends HTTP/1.1 requests to 127.0.0.1 at RATE a second on average,
 * at random times that do not depend on the responses (a Poisson process), as many clients do together. REQUESTS is a
 * file of requests without a body, one after the other; they are sent in turn. Times are in seconds.
 *
 * A latency counts from the time at which its request was due, so a server that stalls cannot slow the load down and look
 * fast. The same SEED gives the same times. Prints the latency of each request that was due after the warm-up, in µs, one
 * a line. The last line is `failed`, how many of them failed, and the status of the last of those. A response other than
 * 200 is a failure, and so is a request without a response five seconds after the end. Linux only.
 */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_CONNECTIONS = 32, MAX_EVENTS = 64, INPUT_BYTES = 8192, MAX_REQUESTS = 100000, DRAIN_SECONDS = 5 };

struct connection {
  int socket;
  /* When its request was due; 0: it has none. */
  double due;
  int length;
  char input[INPUT_BYTES + 1];
  struct connection *next;
};

static int port, poll;
static double measured_from;
/* Idle connections. The one that has been idle for longest is used next, so that all of Envoy's workers get requests. */
static struct connection *first_idle, *last_idle;
static const char *requests[MAX_REQUESTS + 1];
static int outstanding, failed, last_status;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void add_idle(struct connection *connection) {
  connection->due = connection->length = 0;
  connection->next = NULL;
  if (first_idle == NULL) first_idle = connection;
  else last_idle->next = connection;
  last_idle = connection;
}

static struct connection *open_connection(void) {
  struct connection *connection = calloc(1, sizeof *connection);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  int yes = 1;
  connection->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection->socket, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  epoll_ctl(poll, EPOLL_CTL_ADD, connection->socket, &event);
  return connection;
}

static int load_requests(const char *name) {
  FILE *file = fopen(name, "r");
  if (file == NULL || fseek(file, 0, SEEK_END) < 0) fail(name);
  long size = ftell(file);
  char *text = calloc(1, size + 1);
  rewind(file);
  if (size == 0 || fread(text, 1, size, file) != (size_t)size) fail(name);
  int count = 0;
  for (char *end; *text != 0 && count < MAX_REQUESTS; text = end) {
    requests[count++] = text;
    end = strstr(text, "\r\n\r\n");
    end = end == NULL ? strchr(text, 0) : end + 4;
    requests[count] = end;
  }
  return count;
}

static void send_request(int number, double due) {
  struct connection *connection = first_idle;
  if (connection == NULL) connection = open_connection();
  else first_idle = connection->next;
  int length = requests[number + 1] - requests[number];
  connection->due = due;
  outstanding++;
  if (write(connection->socket, requests[number], length) != length) fail("write");
}

/* Length of the response in `input`; 0: it is incomplete. */
static int response_length(const char *input) {
  const char *end = strstr(input, "\r\n\r\n"), *length = strcasestr(input, "\r\ncontent-length:");
  return end == NULL ? 0 : end + 4 - input + (length != NULL && length < end ? atoi(length + 17) : 0);
}

static void finish_request(struct connection *connection, int status) {
  if (connection->due >= measured_from) {
    printf("%.1f\n", (now() - connection->due) * 1e6);
    if (status != 200) failed++, last_status = status;
  }
  outstanding--;
}

static void handle_readable(struct connection *connection) {
  int room = INPUT_BYTES - connection->length;
  int count = read(connection->socket, connection->input + connection->length, room);
  if (count <= 0) {
    if (connection->due == 0) fail("an idle connection was closed");
    finish_request(connection, 0);
    close(connection->socket);
    free(connection);
    return;
  }
  connection->length += count;
  connection->input[connection->length] = 0;
  int length = response_length(connection->input);
  if (length == 0 || connection->length < length) return;
  finish_request(connection, atoi(connection->input + strlen("HTTP/1.1 ")));
  add_idle(connection);
}

static void wake_at(int timer, double time) {
  struct itimerspec wake = {.it_value = {.tv_sec = time, .tv_nsec = (time - floor(time)) * 1e9}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &wake, NULL);
}

int main(int count, char **arguments) {
  if (count != 7) return 2;
  port = atoi(arguments[1]);
  int request_count = load_requests(arguments[2]), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  double rate = atof(arguments[3]);
  poll = epoll_create1(0);
  srand48(atol(arguments[6]));
  /* By default, Linux may wake a process 50 µs late. */
  prctl(PR_SET_TIMERSLACK, 1);
  struct epoll_event event = {.events = EPOLLIN}, events[MAX_EVENTS];
  /* The event of the timer has no connection. */
  epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);
  for (int index = 0; index < FIRST_CONNECTIONS; index++) add_idle(open_connection());

  double start = now(), due = start;
  measured_from = start + atof(arguments[4]);
  double end = measured_from + atof(arguments[5]);
  for (int number = 0; due < end || (outstanding > 0 && now() < end + DRAIN_SECONDS);) {
    while (due < end && due <= now()) {
      send_request(number, due);
      number = (number + 1) % request_count;
      due -= log(1 - drand48()) / rate;
    }
    wake_at(timer, due < end ? due : end + DRAIN_SECONDS);
    int ready = epoll_wait(poll, events, MAX_EVENTS, -1);
    for (int index = 0; index < ready; index++) {
      uint64_t expirations;
      if (events[index].data.ptr != NULL) handle_readable(events[index].data.ptr);
      else if (read(timer, &expirations, sizeof expirations) < 0) continue;
    }
  }
  printf("failed %d %d\n", failed + outstanding, last_status);
}
