/*
 * A TCP proxy to a port of this machine that loses a share of the packets that it gets, from both sides. A socket filter
 * drops them before TCP sees them, so the kernels of both sides retransmit as on a real network. Needs no privileges.
 *
 * Argument: the port to connect to. Prints the port that it listens on. Reads lines with the share of packets to lose,
 * in tenths of a percent; at first none. Exits at the end of its input.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_SOCKETS = 256, FIRST_PEER = 2 };

/* Standard input, the listening socket, then pairs: the socket of a client and that to the server. */
static struct pollfd sockets[MAX_SOCKETS] = {{STDIN_FILENO, POLLIN, 0}};
static int socketCount = FIRST_PEER;
static uint32_t lostPerMille;

static void check(int result, const char *action) {
  if (result >= 0) return;
  perror(action);
  exit(1);
}

static void attachFilter(int fd) {
  uint32_t threshold = (uint32_t)(lostPerMille * (UINT32_MAX / 1000.0));
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, threshold, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), "SO_ATTACH_FILTER");
}

static void add(int fd) {
  int on = 1;
  check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  attachFilter(fd);
  sockets[socketCount++] = (struct pollfd){fd, POLLIN, 0};
}

static struct sockaddr_in localAddress(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void acceptClient(int listener, int serverPort) {
  struct sockaddr_in address = localAddress(serverPort);
  int client = accept(listener, NULL, NULL), server = socket(AF_INET, SOCK_STREAM, 0);
  check(client, "accept");
  check(server, "socket");
  if (socketCount + 2 > MAX_SOCKETS || connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
    close(client);
    close(server);
    return;
  }
  add(client);
  add(server);
}

/* Copies what a socket has got to its peer. Returns 0 if one of them is closed. */
static int copy(int from, int to) {
  static char bytes[1 << 16];
  ssize_t length = read(from, bytes, sizeof bytes), sent = 0;
  while (sent < length) {
    ssize_t written = send(to, bytes + sent, length - sent, MSG_NOSIGNAL);
    if (written <= 0) return 0;
    sent += written;
  }
  return length > 0;
}

static void forward(int index) {
  struct pollfd *socket = &sockets[index], *peer = &sockets[index ^ 1];
  if (copy(socket->fd, peer->fd)) return;
  close(socket->fd);
  close(peer->fd);
  socket->fd = peer->fd = -1;
}

static void readLoss(void) {
  char line[16] = "";
  if (read(STDIN_FILENO, line, sizeof line - 1) <= 0) exit(0);
  lostPerMille = atoi(line);
  for (int i = FIRST_PEER; i < socketCount; i++)
    if (sockets[i].fd >= 0) attachFilter(sockets[i].fd);
}

int main(int argc, char **argv) {
  if (argc != 2) return 1;
  struct sockaddr_in address = localAddress(0);
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  check(listener, "socket");
  check(bind(listener, (struct sockaddr *)&address, length), "bind");
  check(listen(listener, 64), "listen");
  check(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
  sockets[1] = (struct pollfd){listener, POLLIN, 0};
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    check(poll(sockets, socketCount, -1), "poll");
    for (int i = socketCount - 1; i >= FIRST_PEER; i--)
      if (sockets[i].fd >= 0 && sockets[i].revents) forward(i);
    if (sockets[1].revents) acceptClient(listener, atoi(argv[1]));
    if (sockets[0].revents) readLoss();
  }
}
