<?php
// SPDX-License-Identifier: MIT
// Arrays, and memory that extensions allocate: a document of libxml2, a database of SQLite.
ini_set('memory_limit', '-1');
$n = (int)$argv[1];
$numbers = [];
for ($i = 0; $i < $n; $i++)
        $numbers["key $i"] = [$i, mb_strtoupper("word " . $i * 7919 % 100003)];
ksort($numbers);
echo count($numbers), ' ', md5(serialize($numbers)), "\n";

$document = new DOMDocument();
$root = $document->appendChild($document->createElement('all'));
for ($i = 0; $i < $n / 10; $i++)
        $root->appendChild($document->createElement('one', "text $i"));
echo md5($document->saveXML()), "\n";

$base = new SQLite3(':memory:');
$base->exec('CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)');
$insert = $base->prepare('INSERT INTO t VALUES (:k, :v)');
for ($i = 0; $i < $n / 10; $i++) {
        $insert->bindValue(':k', $i);
        $insert->bindValue(':v', "value $i");
        $insert->execute();
        $insert->reset();
}
echo $base->querySingle('SELECT count(*) || sum(length(v)) FROM t'), "\n";
