about = A worker that is killed fifty times, often while it starts
covers = P01 P03
seconds = 11
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 8000 --rate 1000
actions
    1..8.35/0.15 = kill worker for 20ms..60ms
