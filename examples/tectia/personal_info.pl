#!/usr/bin/perl -wT
# personal_info.pl FILE - keyboard-interactive: asks what only the user knows.
#
# FILE has lines NAME:COLOR:PET:CHOCOLATE. An example: answers deserve hashes.
use strict;
use Net::SSH::Tectia::Plugin qw(:DEFAULT ssh_plugin_ask);

sub finish {
    my $status = shift;
    $status == 0 ? ssh_plugin_success() : ssh_plugin_failure();
    exit $status;
}

my ($end, %params) = ssh_plugin_params();
defined $end or finish(2);

# whoever it is gets the same questions, once; retries are the server's
my ($asked, @replies) = ssh_plugin_ask(
    "Please provide some personal information.",
    req => "Favorite color: ",
    req => "Pet's name: ",
    req_echo => "Do you like chocolate? ",
);
defined $asked or finish(2);

# the whole file is read and all answers are compared, known user or not
my $user = $params{user_name} // '';
my ($known, @right) = (0, "\0", "\0", "\0");
open my $file, '<', $ARGV[0] or finish(2);
while (my $line = <$file>) {
    chomp $line;
    my ($name, @answers) = split /:/, $line, -1;
    ($known, @right) = (1, @answers)
        if @answers == 3 && length $name && $name eq $user;
}
my $wrong = grep { $replies[$_] ne $right[$_] } 0 .. 2;
finish($known && $wrong == 0 ? 0 : 1);
