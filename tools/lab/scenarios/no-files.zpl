# The worker cannot start for a while: it is tried again.
about = Files that cannot be opened or renamed
covers = D07 D19 D24
seconds = 13
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        restart = 200ms
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 800
actions
    1 = fail-opens worker EMFILE for 800ms
    1.5 = kill worker for 100ms
    3.5 = fail-opens sender EROFS for 800ms
    5 = fail-opens sender EIO for 500ms
