about = Requests and their replies, with both sides killed
covers = P01
seconds = 12
smoke = yes
processes
    server = godwit lab-peer serve --bind {endpoint} --dir {dir} --threads 4
        audit = godwit lab-peer audit --dir {dir}
    client = godwit lab-peer ask --connect {server} --dir {dir} --messages 3000 --rate 400
random
    from = 1
    until = 8
    every = 400ms
    orders
        1 = kill server for 50ms..400ms
        2 = kill client for 50ms..400ms
        3 = cut client-server
