// A machine whose wall clock and disk a test moves while a program runs on it: two numbers of a file that the test writes, looked at by each call. Preloaded by `machine.rs`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct machine { volatile int64_t ahead; volatile int64_t full; };
static struct machine *machine;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("HEADCOUNT_TEST_MACHINE");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *seen = mmap(0, sizeof *machine, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (seen != MAP_FAILED) machine = seen;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int done = syscall(SYS_clock_gettime, clock, now);
  if (done == 0 && clock == CLOCK_REALTIME && machine) now->tv_sec += machine->ahead;
  return done;
}

// What is said on the terminal stays heard.
static int full(int file) {
  struct stat what;
  if (!machine || !machine->full || file <= 2 || fstat(file, &what) != 0 || !S_ISREG(what.st_mode)) return 0;
  errno = ENOSPC;
  return 1;
}

ssize_t write(int file, const void *bytes, size_t many) { return full(file) ? -1 : syscall(SYS_write, file, bytes, many); }
ssize_t writev(int file, const struct iovec *parts, int many) { return full(file) ? -1 : syscall(SYS_writev, file, parts, many); }
ssize_t pwrite64(int file, const void *bytes, size_t many, off64_t at) { return full(file) ? -1 : syscall(SYS_pwrite64, file, bytes, many, at); }
ssize_t pwrite(int file, const void *bytes, size_t many, off_t at) { return pwrite64(file, bytes, many, at); }
