#!/usr/bin/perl -wT
# change_password.pl FILE - password change, in a private file of lines
# NAME:HASH. Hashes are those of crypt(3).
use strict;
use Fcntl;
use Net::SSH::Tectia::Plugin;
umask 077;

sub refuse { ssh_plugin_send("error_msg", @_); ssh_plugin_failure(); exit 1 }
sub fault { ssh_plugin_send("error_log", @_); ssh_plugin_failure(); exit 2 }

my ($end, %params) = ssh_plugin_params();
fault("the parameters have no end") unless defined $end;
for my $key (qw(user_name old_password new_password)) {
    fault("no $key") unless length $params{$key};
}
my ($user, $old, $new) = @params{qw(user_name old_password new_password)};
# the argument is the administrator's: the one thing here that is trusted
my ($path) = ($ARGV[0] || '') =~ m{\A(/.*)\z}s or fault("no absolute path");

my $hash = '$6$nobody$';        # takes as long as a known user's
open my $file, '<', $path or fault("$path: $!");
my @lines = <$file>;
for (@lines) {
    my ($name, $value) = /\A([^:]+):(.*)/;
    $hash = $value if defined $name && $name eq $user;
}
my $is = crypt $old, $hash;
refuse("The old password is wrong.") unless defined $is && $is eq $hash;
refuse("The new password needs 12 to 200 characters.")
    unless length $new >= 12 && length $new <= 200;
refuse("The new password is the old one.") if $new eq $old;

# who can make FILE.new does the change, and nobody else meanwhile
sysopen my $out, "$path.new", O_WRONLY | O_CREAT | O_EXCL, 0600
    or fault("$path.new is in the way: $!");
open my $random, '<:raw', '/dev/urandom' or fault("/dev/urandom: $!");
read($random, my $salt, 8) == 8 or fault("/dev/urandom is empty");
$hash = crypt $new, '$6$' . unpack('H*', $salt) . '$';
my $done = defined $hash && length $hash > 20;
for my $line (@lines) {
    $line = "$user:$hash\n" if index($line, "$user:") == 0;
    $done &&= print $out $line;
}
$done = close($out) && $done && rename "$path.new", $path;
unless ($done) { unlink "$path.new"; fault("$path could not be replaced") }
ssh_plugin_success();
exit 0;
