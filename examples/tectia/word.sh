#!/bin/sh
# word.sh WORD - the smallest server plugin: whoever knows the word may pass.
#
# An example: arguments can be read by others.
. "$(dirname "$0")/../../sdk/tectia/plugin.sh" || exit 2

if ssh_plugin_params && ssh_plugin_ask "" req "The word, please: " &&
    [ "$(ssh_plugin_get reply)" = "${1:?}" ]
then
    ssh_plugin_success
else
    ssh_plugin_failure
    exit 1
fi
