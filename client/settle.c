/* What authplug's own configuration adds to the command line. */
#include "client/client.h"
#include "client/settings.h"

bool
args_settle(ssh_args *args, const ssh_config *config)
{
    settings_peer peer = {.given = config->original,
                          .name = config->hostname,
                          .user = config->user,
                          .port = config->port};
    settings_found found;
    char why[SETTINGS_WHY];

    if (args->settings == NULL)
        args->settings = settings_open(why, sizeof why);
    if (args->settings == NULL) {
        io_say(PROGRAM, "%s", why);
        return false;
    }
    settings_find(args->settings, &peer, &found);
    if (!args->plugin_given)
        args->plugin = found.plugin;
    if (!args->timeout_given)
        args->timeout_ms = (int)found.timeout * 1000;
    args->batch = args->batch || found.batch;
    if (args->plugin == NULL ||
        settings_allow(args->settings, args->plugin, &args->plugin_words, why,
                       sizeof why) == AUTHPLUG_OK)
        return true;
    io_say(PROGRAM, "%s", why);
    return false;
}
