/*
 * guests FILE ["DAY HOUR"] - external authorization: guests log in from inside
 * at any time, from elsewhere only outside of office hours.
 *
 * FILE has lines "guest NAME" and "inside PREFIX-OF-AN-ADDRESS", such as
 * "inside 192.0.2.". The time can be given, to try it: "1 14" is Monday, 14 h.
 */
#define _GNU_SOURCE
#include <authplug/tectia_run.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool
office_hours(const char *now)
{
    time_t clock = time(NULL);
    char text[8];
    int day, hour;

    if (now == NULL && strftime(text, sizeof text, "%u %H", localtime(&clock)))
        now = text;
    return now == NULL || sscanf(now, "%d %d", &day, &hour) != 2 ||
           (day <= 5 && hour >= 8 && hour < 18);
}

static bool
decide(authplug_tectia_session *session, void *arguments)
{
    const char *user = authplug_tectia_session_param(session, "user_name");
    const char *address =
        authplug_tectia_session_param(session, "remote_host_ip");
    char **argv = arguments, *line = NULL, *rest, *word, *what;
    bool guest = false, inside = false, whole;
    FILE *list = argv[1] != NULL ? fopen(argv[1], "re") : NULL;
    size_t size = 0;

    if (list == NULL || user[0] == 0)
        return false;
    while (getline(&line, &size, list) > 0) {
        word = strtok_r(line, " \t\n", &rest);
        what = word != NULL ? strtok_r(NULL, " \t\n", &rest) : NULL;
        if (what != NULL && strcmp(word, "guest") == 0)
            guest |= strcmp(what, user) == 0;
        if (what != NULL && strcmp(word, "inside") == 0)
            inside |= strncmp(what, address, strlen(what)) == 0;
    }
    free(line);
    whole = !ferror(list);
    fclose(list);
    if (!whole) /* without the list everybody would be let in */
        return false;
    if (guest && !inside && office_hours(argv[2]))
        return authplug_tectia_session_refuse(
            session, AUTHPLUG_TECTIA_CODE_GENERIC,
            "Guests from elsewhere log in outside of office hours.");
    return true;
}

int
main(int argc, char **argv)
{
    authplug_tectia_program guests = {
        .name = "guests", .kind = AUTHPLUG_TECTIA_AUTHORIZE, .decide = decide};

    return argc < 1 ? 2 : authplug_tectia_run(&guests, argv);
}
