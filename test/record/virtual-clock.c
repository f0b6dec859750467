/*
 * Virtual time for a user-mode-linux guest, as an LD_PRELOAD library.
 *
 * The guest kernel knows the host's time through three functions only: it reads clock_gettime(CLOCK_MONOTONIC), it arms
 * one POSIX timer, and it waits in sigsuspend() when it has nothing to do. This library answers all three from a clock of
 * its own. That clock stands still while the guest computes, and leaps to the timer's expiry when the guest is idle: a guest
 * that sleeps for a quarter of an hour takes milliseconds, its timers fire in the right order, and a run can be repeated.
 *
 * The kernel's boot waits for real timer ticks in busy loops, so it runs in real time. The virtual clock takes over when
 * the guest is idle for the first time after the file named by VIRTUAL_CLOCK_START has appeared.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef long long nanoseconds;

#define SECOND 1000000000LL
/* Every reading moves the clock a little, so that a guest which polls it gets on. */
#define READING 1000LL
/* The moment the virtual clock starts at, counted from the guest's first reading; later than any boot. */
#define START (1000 * SECOND)
/* A guest that has been busy for so long in real time gets its timer interrupt although it is not idle. */
#define PATIENCE (2 * SECOND)

static bool virtual_time;
static nanoseconds boot;       /* real time of the first reading */
static nanoseconds now;        /* the guest's time */
static nanoseconds expiry;     /* of the guest's timer, in its own time; 0: not armed */
static nanoseconds period;     /* of the guest's timer; 0: one shot */
static nanoseconds idle_since; /* real time of the last idle moment */
static timer_t guest_timer;

static int (*host_timer_settime)(timer_t, int, const struct itimerspec *, struct itimerspec *);
static int (*host_timer_gettime)(timer_t, struct itimerspec *);

static nanoseconds to_ns(struct timespec t)
{
	return t.tv_sec * SECOND + t.tv_nsec;
}

static struct timespec to_timespec(nanoseconds ns)
{
	return (struct timespec){ .tv_sec = ns / SECOND, .tv_nsec = ns % SECOND };
}

static nanoseconds real_time(void)
{
	struct timespec t;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return to_ns(t);
}

__attribute__((constructor)) static void find_host_functions(void)
{
	host_timer_settime = dlsym(RTLD_NEXT, "timer_settime");
	host_timer_gettime = dlsym(RTLD_NEXT, "timer_gettime");
}

/* Lets the real timer strike once, `delay` from now; 0 stops it. */
static void strike_after(nanoseconds delay)
{
	struct itimerspec once = { .it_value = to_timespec(delay) };

	host_timer_settime(guest_timer, 0, &once, NULL);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_MONOTONIC)
		return syscall(SYS_clock_gettime, clock, t);
	if (!virtual_time) {
		now = real_time();
		if (!boot)
			boot = now;
	}
	now += READING;
	*t = to_timespec(now);
	return 0;
}

int timer_settime(timer_t timer, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	nanoseconds delay = to_ns(value->it_value);

	guest_timer = timer;
	if (!virtual_time)
		return host_timer_settime(timer, flags, value, old);
	period = to_ns(value->it_interval);
	if (!delay) {
		expiry = 0;
		strike_after(0);
		return 0;
	}
	expiry = now + delay;
	if (real_time() - idle_since > PATIENCE) {
		now = expiry;
		idle_since = real_time();
		strike_after(1000);
	} else {
		strike_after(PATIENCE);
	}
	return 0;
}

int timer_gettime(timer_t timer, struct itimerspec *value)
{
	nanoseconds left;

	if (!virtual_time)
		return host_timer_gettime(timer, value);
	/* an armed timer never reads as 0, which would mean that it is not armed */
	left = !expiry ? 0 : expiry > now ? expiry - now : 1;
	value->it_value = to_timespec(left);
	value->it_interval = to_timespec(period);
	return 0;
}

static void begin_virtual_time(void)
{
	virtual_time = true;
	now = boot + START;
	/* an interrupt at once: the guest arms its next timer in the new time */
	expiry = now;
	strike_after(0);
}

/* The guest is idle, with SIGALRM blocked; waiting with the mask `waiting` delivers it. */
int sigsuspend(const sigset_t *waiting)
{
	const char *start = getenv("VIRTUAL_CLOCK_START");

	if (!virtual_time && start && access(start, F_OK) == 0)
		begin_virtual_time();
	if (virtual_time && expiry) {
		idle_since = real_time();
		if (now < expiry)
			now = expiry;
		expiry = period ? expiry + period : 0;
		syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGALRM);
	}
	/* the kernel's own signal set is 8 bytes, libc's is larger */
	return syscall(SYS_rt_sigsuspend, waiting, 8);
}
