/* What the truth server and the limit client share: the clock, a wait of nanoseconds, sockets with or without TLS, and
 * a log that is kept in memory and written once. Linux only. */
#ifndef LENS_GATE_COMMON_H
#define LENS_GATE_COMMON_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#define NS_PER_S 1000000000LL
#define MOST_RECORDS (1L << 24)
#define MOST_EVENTS (1L << 30)
#define BATCH 512

static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
    (void)number;
    interrupted = 1;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Take no slack on timers, leave no descriptor unused, and survive a peer that closes. */
static void prepare_process(void) {
    struct rlimit files;
    prctl(PR_SET_TIMERSLACK, 1UL);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Wait for events until `due_ns` (negative: for ever). */
static int wait_events(int epoll, struct epoll_event *events, int64_t due_ns) {
    struct timespec timeout, *limit = NULL;
    if (due_ns >= 0) {
        int64_t left = due_ns - now_ns();
        left = left < 0 ? 0 : left;
        timeout = (struct timespec){.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
        limit = &timeout;
    }
    long ready = syscall(SYS_epoll_pwait2, epoll, events, BATCH, limit, NULL, 0L);
    if (ready < 0 && errno != EINTR)
        die("epoll_pwait2: %s", strerror(errno));
    return ready < 0 ? 0 : (int)ready;
}

static void watch(int epoll, int fd, void *owner) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = owner};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
}

static void set_no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A socket, encrypted where `tls` is set. */
typedef struct {
    int fd;
#ifdef WITH_TLS
    SSL *tls;
#endif
} Channel;

/* Like recv and send on a socket that does not block; the handshake is done on the way. -1 with EAGAIN: not yet. */
static ssize_t channel_read(Channel *channel, void *into, size_t size) {
#ifdef WITH_TLS
    if (channel->tls) {
        int got = SSL_read(channel->tls, into, (int)size);
        if (got > 0)
            return got;
        int error = SSL_get_error(channel->tls, got);
        ERR_clear_error();
        errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
        return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
    }
#endif
    return recv(channel->fd, into, size, 0);
}

static bool channel_write(Channel *channel, const void *data, size_t size) {
#ifdef WITH_TLS
    if (channel->tls) {
        bool whole = SSL_write(channel->tls, data, (int)size) == (int)size;
        ERR_clear_error();
        return whole;
    }
#endif
    return send(channel->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static void channel_close(Channel *channel) {
#ifdef WITH_TLS
    if (channel->tls)
        SSL_free(channel->tls);
#endif
    close(channel->fd);
}

/* One row for each request, and one event for each write or read of any of them; what the columns are says the user. */
typedef struct {
    int64_t columns[8];
} Record;

typedef struct {
    int64_t record, t_ns;
} Event;

typedef struct {
    Record *records;
    Event *events;
    int64_t record_count, event_count, lost;
} Log;

static void *reserve(size_t bytes) {
    void *place = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return place;
}

static void log_open(Log *log) {
    log->records = reserve(MOST_RECORDS * sizeof(Record));
    log->events = reserve(MOST_EVENTS * sizeof(Event));
}

static int64_t log_record(Log *log) {
    if (log->record_count == MOST_RECORDS)
        die("the log is full");
    return log->record_count++;
}

static void log_event(Log *log, int64_t record, int64_t t_ns) {
    if (log->event_count == MOST_EVENTS)
        die("the log is full");
    log->events[log->event_count++] = (Event){.record = record, .t_ns = t_ns};
}

static void log_write(const Log *log, const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file)
        die("%s: %s", path, strerror(errno));
    fwrite("LGTRUTH1", 1, 8, file);
    fwrite(&log->record_count, sizeof(int64_t), 1, file);
    fwrite(&log->event_count, sizeof(int64_t), 1, file);
    fwrite(&log->lost, sizeof(int64_t), 1, file);
    fwrite(log->records, sizeof(Record), (size_t)log->record_count, file);
    fwrite(log->events, sizeof(Event), (size_t)log->event_count, file);
    if (fclose(file))
        die("%s: %s", path, strerror(errno));
}

#endif
