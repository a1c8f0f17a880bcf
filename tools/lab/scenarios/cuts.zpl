about = Connections closed and reset, with bytes on the way
covers = N01 N02 N17
seconds = 10
smoke = yes
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 8000 --rate 1000
random
    from = 1
    until = 8
    every = 120ms
    orders
        1 = cut sender-worker
        2 = reset sender-worker
