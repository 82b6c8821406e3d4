#!/usr/bin/perl -wT
# choose.pl NAME COMMAND [NAME COMMAND]... - keyboard-interactive: the user
# chooses a technique, then that plugin holds the dialogue. What is no choice
# leads to the first plugin's, and is refused at the end. Not for sshd, which
# makes every choice of users who do not exist one of these: let the techniques
# ask for the same, or the user's name choose.
use strict;
use IPC::Open2;
use Net::SSH::Tectia::Plugin qw(:DEFAULT ssh_plugin_ask);

$ENV{PATH} = '/usr/bin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};
$SIG{PIPE} = 'IGNORE';  # a plugin that ended is seen at the end of its output

sub fault { ssh_plugin_failure(); exit 2 }

my ($end, %params) = ssh_plugin_params();
defined $end or fault();

my $menu = join ', ', map { "$_ $ARGV[2 * $_ - 2]" } 1 .. @ARGV / 2;
my ($asked, $choice) =
    ssh_plugin_ask("Choose: $menu.", req_echo => "Which one? ");
defined $asked or fault();
my $chosen = $choice =~ /\A[1-9]\z/ && 2 * $choice <= @ARGV;
$choice = 1 unless $chosen;
# the arguments are the administrator's: trusted, unlike all that is read
my ($command) = $ARGV[2 * $choice - 1] =~ /\A(.*)\z/s;

my $pid = open2(my $from, my $to, '/bin/sh', '-c', $command);
sub hand { print $to map { "$_\n" } @_; $to->flush }
hand((map { "$_:$params{$_}" } sort keys %params), 'end_of_params');

my $verdict = '';
while ($verdict eq '' && defined(my $line = <$from>)) {
    chomp $line;
    if ($line =~ /\A(instruction|req|req_echo):/i) {
        ssh_plugin_send($line) or last;
    } elsif ($line =~ /\Aend_of_requests\z/i) {
        ssh_plugin_send('end_of_requests');
        my ($end, @pairs) = ssh_plugin_recv('replies');
        defined $end or last;
        hand((map { "$pairs[2 * $_]:$pairs[2 * $_ + 1]" } 0 .. @pairs / 2 - 1),
            'end_of_replies');
    } elsif ($line =~ /\A(success|failure)\z/i) {
        $verdict = lc $1;
    }
}

close $to;
my $more = <$from>;     # who goes on after success does not mean it
close $from;
waitpid $pid, 0;
if ($chosen && $verdict eq 'success' && !defined $more) { ssh_plugin_success(); exit 0 }
ssh_plugin_failure();
exit 1;
