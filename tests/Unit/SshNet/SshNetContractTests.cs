using BorgStore.Backends;
using BorgStore.Tests.Sftp;

namespace BorgStore.Tests.SshNet;

/// <summary>The contract on OpenSSH's sshd over SSH.NET.</summary>
public sealed class SshNetContractTests() : SftpContractTests(SshNetAccess.OpenSsh)
{
    protected override bool Copies(StoreMode mode) => true;

    protected override string? WholeElsewhere => "the same server over ssh";
}

/// <summary>The contract on ProFTPD's mod_sftp over SSH.NET.</summary>
public sealed class SshNetOnProFtpdTests() : SftpContractTests(SshNetAccess.ProFtpd)
{
    protected override string? WholeElsewhere => "the same server over ssh";

    protected override bool IsOnlyAnotherWay => true;
}

/// <summary>Lost requests and responses over SSH.NET.</summary>
public sealed class SshNetLostResponseTests : LostResponseTests
{
    public SshNetLostResponseTests()
        : base(SshNetAccess.OpenSsh) => LongTests.Require("Every run tries this over ssh");
}

/// <summary>Durability over SSH.NET.</summary>
public sealed class SshNetDurabilityTests() : SftpDurabilityTests(SshNetAccess.OpenSsh);

/// <summary>A slow connection over SSH.NET.</summary>
public sealed class SshNetHighLatencyTests : HighLatencyTests
{
    public SshNetHighLatencyTests()
        : base(SshNetAccess.OpenSsh) => LongTests.Require("Every run tries this over ssh");
}

/// <summary>Links over SSH.NET.</summary>
public sealed class SshNetLinkTests() : LinkTests(SshNetAccess.OpenSsh);

/// <summary>Faults of the connection and the server over SSH.NET.</summary>
public sealed class SshNetFaultTests() : FaultTests(SshNetAccess.OpenSsh);
