#!/bin/sh
# guests.sh FILE ["DAY HOUR"] - external authorization: guests log in from
# inside at any time, from elsewhere only outside of office hours.
#
# FILE has lines "guest NAME" and "inside PREFIX-OF-AN-ADDRESS", such as
# "inside 192.0.2.". The time can be given, to try it: "1 14" is Monday, 14 h.
. "$(dirname "$0")/../../sdk/tectia/plugin.sh" || exit 2

die () { ssh_plugin_failure; exit 2; }

ssh_plugin_params || die
user=$(ssh_plugin_get user_name)
[ -n "$user" ] || die
address=$(ssh_plugin_get remote_host_ip)

guest=no inside=no
# without the list everybody would be let in
if [ ! -f "$1" ] || [ ! -r "$1" ]; then die; fi
while read -r word what || [ -n "$word" ]; do
    case $word in
    guest) [ "$user" != "$what" ] || guest=yes ;;
    inside) case $address in "${what:-nowhere}"*) inside=yes ;; esac ;;
    esac
done <"$1"

now=${2:-$(date '+%u %H')} day=${now% *} hour=${now#* }
office=no
[ "$day" -gt 5 ] || [ "$hour" -lt 8 ] || [ "$hour" -ge 18 ] || office=yes

if [ $guest$inside$office != yesnoyes ]; then
    ssh_plugin_success
    exit
fi
ssh_plugin_failure
ssh_plugin_send error_code generic_error
ssh_plugin_send error_msg \
    "Guests from elsewhere log in outside of office hours."
exit 1
