#!/bin/sh
. "${0%/*}/pam_lib.sh"
plugin yes <<'END'
while read -r line && [ "$line" != end_of_params ]; do :; done
echo success
END
plugin ask <<'END'
while read -r line && [ "$line" != end_of_params ]; do :; done
echo instruction:Tell me
echo req:Secret:
echo req_echo:Color:
echo end_of_requests
read -r a; read -r b; read -r c
if [ "$a$b" = reply:sesamereply:blue ]; then echo success; else echo failure; fi
END
service yes "auth required MODULE plugin=$plugins/yes"
service ask "auth required MODULE plugin=$plugins/ask"
it "a"
host 10 yes root auth credentials
want_rc 0
want_rc 1
cat $W/log
it "b"
host 10 -a sesame -a blue ask root auth credentials
want_rc 1
cat $W/log
finish
