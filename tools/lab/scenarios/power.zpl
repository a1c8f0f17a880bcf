about = Power is cut under synced stores, at random
covers = D01 D02 D03
seconds = 13
smoke = yes
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 8000 --rate 800
random
    from = 1
    until = 10
    every = 700ms
    orders
        1 = power-cut worker
        2 = power-cut sender
