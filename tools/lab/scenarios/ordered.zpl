about = Order is promised and kept while all fails
seconds = 10
order = yes
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 800 --ordered
random
    from = 1
    until = 7
    every = 300ms
    orders
        1 = kill worker for 50ms..300ms
        2 = kill sender for 50ms..300ms
        3 = cut sender-worker
        4 = stop worker for 100ms..700ms
