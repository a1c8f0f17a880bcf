# What a worker forgot at level `os` may run again: that is told, and excused.
about = Power is cut where only the system keeps what is accepted
covers = D01
seconds = 11
excuse = repeats
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir} --durability os
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800 --durability os
actions
    2 = power-cut worker
    4 = kill sender for 200ms
    6 = kill worker for 200ms
