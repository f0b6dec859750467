/* Calls about IPVS with pointers that lead nowhere and lengths of any size. Prints how many failed, by errno; none may end it, or hang. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static uint32_t seed;
static unsigned char *page;

static uint32_t below(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % n;
}

/* Memory of all kinds: none, a little before it ends, the kernel's, what may not be written, and good one. */
static void *wild(void) {
  static const uintptr_t nowhere[] = {0, 1, 7, 4096, 0x7fffffffffffu, 0xffff800000000000u, ~(uintptr_t)0, ~(uintptr_t)7};
  switch (below(5)) {
  case 0:
    return (void *)nowhere[below(8)];
  case 1:
    return page + 4096 - below(16);
  case 2:
    return (void *)"may not be written, and is long enough for most of what is looked for in it";
  default:
    return page + 8 * below(64);
  }
}

static size_t size(void) {
  static const size_t sizes[] = {0, 1, 4, 16, 20, 44, 68, 104, 4096, 65536, 1u << 24, 0x7fffffff, 0xffffffff, ~(size_t)0, (size_t)1 << 63};
  return sizes[below(15)];
}

/* The page has messages to the family IPVS, so that nothing else is meant by whatever is read from it. */
static void fill(void) {
  for (int at = 0; at < 4096; at += 32) {
    struct nlmsghdr header = {below(4) ? 32 : below(4096), 1023, NLM_F_REQUEST | NLM_F_ACK | (below(4) ? 0 : NLM_F_DUMP), below(9), 0};
    memcpy(page + at, &header, sizeof header);
    page[at + 16] = 1 + below(16);
    for (int i = 17; i < 32; i++) page[at + i] = below(4) ? 0 : below(256);
  }
}

static long call(int netlink, int raw) {
  struct sockaddr_nl kernel = {AF_NETLINK, 0, 0, 0};
  struct iovec iov[3] = {{wild(), size()}, {wild(), size()}, {page, 32}};
  struct msghdr message = {0};
  message.msg_name = below(2) ? wild() : NULL;
  message.msg_namelen = size();
  message.msg_iov = below(4) ? iov : wild();
  message.msg_iovlen = below(4) ? below(4) : size();
  switch (below(10)) {
  case 0:
    return syscall(SYS_sendto, netlink, below(2) ? page : wild(), size() & 0xfff, MSG_DONTWAIT, below(2) ? &kernel : wild(), below(2) ? sizeof kernel : size());
  case 1:
    return syscall(SYS_sendmsg, netlink, below(2) ? &message : wild(), MSG_DONTWAIT);
  case 2:
    return syscall(SYS_write, netlink, below(2) ? page : wild(), size());
  case 3:
    return syscall(SYS_recvfrom, netlink, wild(), size(), MSG_DONTWAIT, wild(), wild());
  case 4:
    return syscall(SYS_recvmsg, netlink, below(2) ? &message : wild(), MSG_DONTWAIT);
  case 5:
    return syscall(SYS_setsockopt, raw, 0, 1152 + below(16), wild(), size());
  case 6:
    return syscall(SYS_getsockopt, raw, 0, 1152 + below(8), wild(), wild());
  case 7:
    return syscall(SYS_newfstatat, AT_FDCWD, "/proc/net/ip_vs", wild(), size());
  case 8: {
    int fd = syscall(SYS_openat, AT_FDCWD, "/proc/sys/net/ipv4/vs/drop_entry", (int)below(3));
    if (fd < 0) return -1;
    long n = syscall(SYS_write, fd, wild(), size());
    int error = errno;
    close(fd);
    errno = error;
    return n;
  }
  default:
    return syscall(SYS_openat2, AT_FDCWD, "/proc/net/ip_vs", wild(), size());
  }
}

int main(int argc, char **argv) {
  static int errors[200];
  seed = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
  int count = argc > 2 ? atoi(argv[2]) : 500;
  page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(page + 4096, 4096, PROT_NONE);
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
  int raw = socket(AF_INET, SOCK_RAW, 255);
  for (int i = 0; i < count; i++) {
    fill();
    errno = 0;
    if (call(netlink, raw) < 0) errors[errno < 200 ? errno : 199]++;
  }
  for (int i = 0; i < 200; i++)
    if (errors[i] > 0) printf("%s %d\n", strerrorname_np(i), errors[i]);
  return 0;
}
