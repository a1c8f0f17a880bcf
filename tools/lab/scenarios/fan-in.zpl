about = Eight senders and one worker, all of them killed at random
covers = P01 L02
seconds = 12
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    s1 = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 200
    s2 = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 200
    s3 = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 200
    s4 = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 200
    s5 = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 200
    s6 = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 200
    s7 = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 200
    s8 = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 200
random
    from = 1
    until = 8
    every = 250ms
    orders
        1 = kill s1|s2|s3|s4|s5|s6|s7|s8 for 50ms..500ms
        2 = kill worker for 50ms..300ms
