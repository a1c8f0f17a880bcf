about = Both sides are killed at random, again and again
covers = P01
seconds = 12
smoke = yes
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 12000 --rate 1200
random
    from = 1
    until = 10
    every = 300ms
    orders
        1 = kill worker for 50ms..400ms
        2 = kill sender for 50ms..400ms
