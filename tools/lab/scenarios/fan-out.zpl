about = One sender and four workers that come and go
covers = P01
seconds = 12
processes
    w1 = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    w2 = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    w3 = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    w4 = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {w1} --connect {w2} --connect {w3} --connect {w4} --dir {dir} --messages 10000 --rate 1200
random
    from = 1
    until = 8
    every = 250ms
    orders
        1 = kill w1|w2|w3|w4 for 50ms..800ms
        2 = cut sender-w1|sender-w2
        3 = term w3|w4 for 200ms
