using BorgStore.Processes;

namespace BorgStore.Tests.Sftp;

/// <summary>paramiko's server, which behaves differently in several ways.</summary>
internal sealed class ParamikoServer : SshServer
{
    private const string Program = """
        import os, socket, sys, threading, paramiko
        from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface, SFTP_OK

        def guarded(act):
            def run(self, *args):
                try:
                    return act(*args)
                except OSError as e:
                    return SFTPServer.convert_errno(e.errno)
            return run

        def done(act):
            def run(*args):
                act(*args)
                return SFTP_OK
            return guarded(run)

        class Handle(SFTPHandle):
            def stat(self):
                return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

        def open_file(path, flags, attr):
            handle = Handle(flags)
            mode = "r+b" if flags & os.O_WRONLY or flags & os.O_RDWR else "rb"
            handle.readfile = handle.writefile = os.fdopen(os.open(path, flags & ~os.O_WRONLY | os.O_RDWR if mode == "r+b" else flags, 0o600), mode)
            return handle

        def attributes(stat, path):
            return SFTPAttributes.from_stat(stat(path), os.path.basename(path))

        class Files(SFTPServerInterface):
            list_folder = guarded(lambda path: [attributes(os.lstat, os.path.join(path, name)) for name in os.listdir(path)])
            stat = guarded(lambda path: attributes(os.stat, path))
            lstat = guarded(lambda path: attributes(os.lstat, path))
            open = guarded(open_file)
            remove = done(os.remove)
            rename = done(lambda old, new: (os.link(old, new), os.remove(old)))
            posix_rename = done(os.replace)
            mkdir = done(lambda path, attr: os.mkdir(path))
            rmdir = done(os.rmdir)

        PASSWORD = "p\u00e4ss word"
        QUESTIONS = {"keyboard": [("Password: ", False)], "two": [("Password: ", False), ("Code: ", False)], "endless": [("Password: ", False)]}

        class Users(paramiko.ServerInterface):
            def check_auth_publickey(self, user, key):
                return paramiko.AUTH_FAILED if user in QUESTIONS or user in ("password", "empty") else paramiko.AUTH_SUCCESSFUL
            def check_auth_password(self, user, password):
                return paramiko.AUTH_SUCCESSFUL if password == ("" if user == "empty" else PASSWORD) else paramiko.AUTH_FAILED
            def check_auth_interactive(self, user, submethods):
                self.user = user
                return paramiko.InteractiveQuery("", "", *QUESTIONS[user])
            def check_auth_interactive_response(self, responses):
                if self.user == "endless": return paramiko.InteractiveQuery("", "", *QUESTIONS["endless"])
                return paramiko.AUTH_SUCCESSFUL if responses == [PASSWORD] else paramiko.AUTH_FAILED
            def get_allowed_auths(self, user): return "keyboard-interactive" if user in QUESTIONS else "password" if user in ("password", "empty") else "publickey,password"
            def check_channel_request(self, kind, number): return paramiko.OPEN_SUCCEEDED
            def check_channel_subsystem_request(self, channel, name):
                return channel.get_transport().get_username() != "nosftp" and super().check_channel_subsystem_request(channel, name)

        def serve(connection, key):
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", SFTPServer, Files)
            transport.start_server(server=Users())

        key = paramiko.Ed25519Key.from_private_key_file(sys.argv[2])
        listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0], key), daemon=True).start()
        """;

    /// <summary>The password of all users except one, whose is empty.</summary>
    public const string Password = "p\u00e4ss word";

    private static readonly Lazy<ParamikoServer> Shared = new(() => new());

    private ParamikoServer() : base("paramiko")
    {
    }

    public static ParamikoServer Instance => Shared.Value;

    protected override string? FindMissing()
        => FindProgram("ssh") is null ? "There is no OpenSSH client here (openssh-client)."
            : PythonPeer.Find("paramiko") is null ? "No Python here can import paramiko (pip install paramiko)."
            : null;

    protected override ChildCommand Configure()
    {
        var python = PythonPeer.Find("paramiko")!;
        return new(python.FileName, [.. python.Arguments, WriteFile("server.py", Program), $"{Port}", Generate("host_ed25519", "ed25519")]);
    }
}
