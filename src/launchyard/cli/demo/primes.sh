#!/bin/bash
#SBATCH --job-name=primes
#SBATCH --cpus-per-task=1
#SBATCH --time=00:02:00
#LY --mem 100M

count=0
number=2
for bound in 1000 2000 3000 4000 5000 6000; do
    while ((number < bound)); do
        prime=1
        for ((divisor = 2; divisor * divisor <= number; divisor++)); do
            if ((number % divisor == 0)); then
                prime=0
                break
            fi
        done
        ((count += prime))
        ((number += 1))
    done
    echo "$count primes below $bound"
    sleep 0.4
done
