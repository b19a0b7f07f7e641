// Kills the process before its n-th call that changes names or waits for the disk; KILL_AT says which.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int calls;

static void count(void) {
    const char *at = getenv("KILL_AT");
    if (at && __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == atoi(at))
        kill(getpid(), SIGKILL);
}

int rename(const char *from, const char *to) {
    count();
    return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
}

int unlink(const char *path) {
    count();
    return ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(path);
}

int fsync(int file) {
    count();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    count();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
