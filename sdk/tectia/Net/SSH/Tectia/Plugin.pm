package Net::SSH::Tectia::Plugin;

# Helper functions for Tectia server plugins in Perl.
#
#     use Net::SSH::Tectia::Plugin;
#     my ($end, %params) = ssh_plugin_params();
#     unless (defined $end) { ssh_plugin_failure(); exit 2 }
#
# Values come from whoever tries to log in. Run plugins with -T: what is read
# here stays tainted.

use strict;
use warnings;
use Carp 'carp';
use Exporter 'import';
use IO::Handle;

our $VERSION = '1.10';
our @EXPORT = qw(ssh_plugin_recv ssh_plugin_params ssh_plugin_send
    ssh_plugin_success ssh_plugin_failure);
our @EXPORT_OK = qw(ssh_plugin_ask);

my $LINE_MAX = 65536;   # bytes in a line
my $LINES_MAX = 256;    # lines in a list, its end included
my $broken = 0;         # for good, once the server's words made no sense

# A line without its end; undef at the end of input, even within a line. Read
# by getc: <STDIN> has no limit, and <> would open files named as arguments.
sub _line {
    my $line = '';
    while (defined(my $c = getc STDIN)) {
        return $line if $c eq "\n";
        $line .= $c;
        return undef if length $line > $LINE_MAX || $c eq "\r" || $c eq "\0";
    }
    return undef;
}

# ssh_plugin_recv($words) - reads a list up to the line end_of_$words. Returns
# that line and then key, value, key, value and so on, the keys in lower case;
# an empty list when the end is missing, and then the plugin must fail. Lines
# that are no pairs are passed over.
sub ssh_plugin_recv {
    my $end = lc "end_of_$_[0]";
    my ($lines, @pairs) = (0);
    while (!$broken && defined(my $line = _line())) {
        last if ++$lines > $LINES_MAX;
        return wantarray ? ($line, @pairs) : $line if lc $line eq $end;
        my $colon = index $line, ':';
        next if $colon < 0;
        # by substr, since what a pattern captures is no longer tainted
        my $key = lc substr $line, 0, $colon;
        push @pairs, $key, substr $line, $colon + 1 if $key =~ /\A[a-z0-9_]+\z/;
    }
    $broken = 1;
    return;
}

# Reads the list that every conversation begins with.
sub ssh_plugin_params { return ssh_plugin_recv('params') }

# ssh_plugin_send($word), ssh_plugin_send($key, $value) - says it. Where that
# would be more than one line: a warning, false, and nothing is said.
sub ssh_plugin_send {
    my $line = join ':', map { defined $_ ? $_ : "\0" } @_;
    if ($line !~ /\A[A-Za-z0-9_]+(?::[^\r\n\0]*)?\z/
        || @_ > 1 && $_[0] =~ /:/ || length $line > $LINE_MAX) {
        carp 'ssh_plugin_send: not to be sent as one line';
        return 0;
    }
    local ($,, $\) = ('', '');
    return print(STDOUT $line, "\n") && defined STDOUT->flush;
}

# ssh_plugin_ask($instruction, req => $prompt, ...) - asks the user. Returns
# the end marker and then exactly one reply for each prompt, or an empty list
# as ssh_plugin_recv does. req_echo shows what is typed.
sub ssh_plugin_ask {
    my ($instruction, @prompts) = @_;
    my $count = @prompts / 2;
    my $sent =
        $instruction eq '' || ssh_plugin_send('instruction', $instruction);
    $sent &&= ssh_plugin_send(splice @prompts, 0, 2) while $sent && @prompts;
    $sent &&= ssh_plugin_send('end_of_requests');
    my ($end, @pairs) = $sent ? ssh_plugin_recv('replies') : ();
    my @replies;
    while (my ($key, $value) = splice @pairs, 0, 2) {
        push @replies, $value if $key eq 'reply';
    }
    return ($end, @replies) if defined $end && @replies == $count;
    $broken = 1;
    return;
}

# The verdict. After a fault it is failure, even in a plugin that did not look.
sub ssh_plugin_success {
    return ssh_plugin_send($broken ? 'failure' : 'success');
}

sub ssh_plugin_failure { return ssh_plugin_send('failure') }

1;
