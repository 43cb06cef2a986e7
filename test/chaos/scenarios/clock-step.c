#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Replaces the clock that Redis' TIME reads. Adds the seconds in the file that CLOCK_STEP_FILE names. */
int gettimeofday(struct timeval *restrict result, void *restrict zone) {
  struct timespec now;
  long step_seconds = 0;
  FILE *file = fopen(getenv("CLOCK_STEP_FILE"), "r");
  (void)zone;
  if (file != NULL) {
    if (fscanf(file, "%ld", &step_seconds) != 1) step_seconds = 0;
    fclose(file);
  }
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  result->tv_sec = now.tv_sec + step_seconds;
  result->tv_usec = now.tv_nsec / 1000;
  return 0;
}
