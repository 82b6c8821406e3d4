#!/usr/bin/perl -wT
# guests.pl FILE ["DAY HOUR"] - external authorization: guests log in from
# inside at any time, from elsewhere only outside of office hours.
#
# FILE has lines "guest NAME" and "inside PREFIX-OF-AN-ADDRESS", such as
# "inside 192.0.2.". The time can be given, to try it: "1 14" is Monday, 14 h.
use strict;
use Net::SSH::Tectia::Plugin;
use POSIX 'strftime';

sub refuse { ssh_plugin_failure(); exit 2 }

my ($end, %params) = ssh_plugin_params();
refuse() unless defined $end && length $params{user_name};
my $address = $params{remote_host_ip} // '';

my ($guest, $inside) = (0, 0);
# without the list everybody would be let in
@ARGV && -f $ARGV[0] && open my $list, '<', $ARGV[0] or refuse();
while (my $line = <$list>) {
    my ($word, $what) = split ' ', $line;
    next unless length $what;
    $guest = 1 if $word eq 'guest' && $what eq $params{user_name};
    $inside = 1 if $word eq 'inside' && index($address, $what) == 0;
}

my ($day, $hour) = split / /, $ARGV[1] || strftime('%u %H', localtime);
my $office = $day <= 5 && $hour >= 8 && $hour < 18;

unless ($guest && !$inside && $office) {
    ssh_plugin_success();
    exit 0;
}
ssh_plugin_failure();
ssh_plugin_send("error_code", "generic_error");
ssh_plugin_send("error_msg",
    "Guests from elsewhere log in outside of office hours.");
exit 1;
