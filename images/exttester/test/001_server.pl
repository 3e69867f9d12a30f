# PostgreSQL's own test modules start a server and query it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
is($node->safe_psql('postgres', 'SELECT 6 * 7'), '42', 'a query is answered');
my ($code, $out, $err) = $node->psql('postgres', 'SELECT 1 / 0');
isnt($code, 0, 'a query that fails is told');
like($err, qr/division by zero/, 'and why');
$node->stop;

done_testing();
