#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The clock that Redis' TIME reads, set by as many seconds as the file says that CLOCK_STEP_FILE names. */
int gettimeofday(struct timeval *restrict told, void *restrict zone) {
  struct timespec now;
  long step = 0;
  FILE *file = fopen(getenv("CLOCK_STEP_FILE"), "r");
  (void)zone;
  if (file != NULL) {
    if (fscanf(file, "%ld", &step) != 1) step = 0;
    fclose(file);
  }
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  told->tv_sec = now.tv_sec + step;
  told->tv_usec = now.tv_nsec / 1000;
  return 0;
}
