/* git, timed by a clock of its own: runs REAL_GIT with the same arguments and standard streams, then appends one
   JSON line with the subcommand and the seconds that git ran to LOG_FILE and exits as git did. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *subcommand(int count, char **arguments)
{
    for (int i = 1; i < count; i++) {
        if (arguments[i][0] != '-')
            return arguments[i];
        if (!strcmp(arguments[i], "-c") || !strcmp(arguments[i], "-C"))
            i++;
    }
    return "";
}

int main(int count, char **arguments)
{
    struct timespec start, end;
    int status = 0;
    char line[256];

    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t child = fork();
    if (child == 0) {
        execv(REAL_GIT, arguments);
        _exit(127);
    }
    if (child < 0)
        return 127;
    while (waitpid(child, &status, 0) < 0)
        ;
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    int length = snprintf(line, sizeof line, "{\"command\": \"git %.64s\", \"seconds\": %.6f}\n",
                          subcommand(count, arguments), seconds);
    /* One short append is atomic, so parallel calls cannot tear each other's lines. */
    int log = open(LOG_FILE, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (log < 0 || write(log, line, (size_t)length) != length)
        fprintf(stderr, "git_clock: cannot write %s\n", LOG_FILE);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}
