#!/bin/sh
#SBATCH --job-name=sum
#LY --mem 50M --time 1m

sum=0
for file in result.*; do
    sum=$((sum + $(cat "$file")))
done
echo "the squares of 1 to 20 add up to $sum"
test "$sum" -eq 2870
