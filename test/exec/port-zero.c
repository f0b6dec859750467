/* As a Go program is: it bears Go's note, and takes answers from port 0 alone. Prints the port that each answer came from. */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

__asm__(".section .note.go.buildid,\"a\",@note\n"
        ".long 4, 4, 4\n"
        ".ascii \"Go\\0\\0\"\n"
        ".long 0\n"
        ".previous\n");

struct request {
  struct nlmsghdr header;
  struct genlmsghdr generic;
  struct nlattr attribute;
  char name[8];
};

static int ask(int fd, const char *name) {
  struct request request = {
      {0, GENL_ID_CTRL, NLM_F_REQUEST, 7, 0}, {CTRL_CMD_GETFAMILY, 1, 0}, {0, CTRL_ATTR_FAMILY_NAME}, ""};
  strcpy(request.name, name);
  request.attribute.nla_len = sizeof request.attribute + strlen(name) + 1;
  request.header.nlmsg_len = sizeof request;
  struct sockaddr_nl kernel = {AF_NETLINK, 0, 0, 0};
  return sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel);
}

int main(void) {
  char answer[8192];
  struct sockaddr_nl from;
  socklen_t length = sizeof from;
  struct timeval timeout = {0, 50000};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

  ask(fd, "IPVS");
  int n = recvfrom(fd, answer, sizeof answer, 0, (struct sockaddr *)&from, &length);
  printf("recvfrom: type %d from %u, address of %u\n", n < 0 ? -1 : ((struct nlmsghdr *)answer)->nlmsg_type,
         from.nl_pid, length);

  ask(fd, "nlctrl");
  struct iovec pieces[2] = {{answer, 20}, {answer + 20, sizeof answer - 20}};
  struct msghdr message = {&from, sizeof from, pieces, 2, NULL, 0, 0};
  memset(&from, 0xff, sizeof from);
  n = recvmsg(fd, &message, 0);
  printf("recvmsg: type %d from %u, address of %u, flags %d, %s\n",
         n < 0 ? -1 : ((struct nlmsghdr *)answer)->nlmsg_type, from.nl_pid, message.msg_namelen,
         message.msg_flags, n > 32 ? answer + 24 : "");

  ask(fd, "IPVS");
  printf("peek: %d\n", recv(fd, answer, 1, MSG_PEEK | MSG_TRUNC) > 100);
  printf("short: %d\n", (int)recv(fd, answer, 1, 0));
  printf("nothing: %d\n", (int)recv(fd, answer, 1, MSG_DONTWAIT));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  printf("nothing in time: %d\n", (int)recv(fd, answer, 1, 0));
  return 0;
}
