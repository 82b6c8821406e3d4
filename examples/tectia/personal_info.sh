#!/bin/sh
# personal_info.sh FILE - keyboard-interactive: asks what only the user knows.
#
# FILE has lines NAME:COLOR:PET:CHOCOLATE. An example: answers deserve hashes,
# and a shell compares in a time that tells something.
. "$(dirname "$0")/../../sdk/tectia/plugin.sh" || exit 2

die () { ssh_plugin_failure; exit 2; }

ssh_plugin_params || die
user=$(ssh_plugin_get user_name)

# whoever it is gets the same questions, once; retries are the server's
ssh_plugin_ask "Please provide some personal information." \
    req "Favorite color: " \
    req "Pet's name: " \
    req_echo "Do you like chocolate? " || die
color=$(ssh_plugin_get reply 1)
pet=$(ssh_plugin_get reply 2)
chocolate=$(ssh_plugin_get reply 3)

verdict=failure
while IFS= read -r line || [ -n "$line" ]; do
    [ -z "$user" ] || [ "$line" != "$user:$color:$pet:$chocolate" ] ||
        verdict=success
done <"$1"
# a reply with a colon could move the borders between the fields
case $user$color$pet$chocolate in *:*) verdict=failure ;; esac
[ "$verdict" = failure ] || { ssh_plugin_success; exit; }
ssh_plugin_failure
exit 1
