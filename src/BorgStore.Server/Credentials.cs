using System.Text;

namespace BorgStore.Server;

/// <summary>Finds the user and password in all places where an administrator may set them.</summary>
internal static class Credentials
{
    private const string UsernameVariable = "BORGSTORE_SERVER_USERNAME";
    private const string PasswordVariable = "BORGSTORE_SERVER_PASSWORD";
    private const string SystemdVariable = "CREDENTIALS_DIRECTORY";

    // In base64, they share 32 KiB with all other headers of a request.
    private const int MaxTotalLength = 20_000;

    /// <summary>Finds the user and password; either both or neither are returned.</summary>
    public static (string? Username, string? Password, IReadOnlyList<string> Warnings) Find(OptionValues values)
    {
        var username = values.Get("--username") ?? ReadCredential("borgstore.username") ?? Read(UsernameVariable);
        var password = values.Get("--password-file") is { } file ? ReadFile(file)
            : values.Get("--password") ?? ReadCredential("borgstore.password") ?? Read(PasswordVariable);
        Check(username, password);
        return (username, password, values.HasFlag("--password")
            ? ["The password given with --password is visible in the list of processes; use --password-file instead."]
            : []);
    }

    /// <summary>Throws if the user and password give no protection, or do not fit into a request.</summary>
    /// <param name="username">The user.</param>
    /// <param name="password">The password.</param>
    public static void Check(string? username, string? password)
    {
        if (username is null && password is null) return;
        if (username is null) throw CommandLine.UsageError("There is a password but no user. Specify a user with '--username NAME'.");
        if (username.Length == 0) throw CommandLine.UsageError("The user name is empty. Specify one with '--username NAME'.");
        if (username.Contains(':')) throw CommandLine.UsageError("The user name contains a ':', which separates user and password in a request. Choose another one.");
        if (password is null) throw CommandLine.UsageError("A user without a password would not protect the server. Specify a password with '--password-file FILE'.");
        if (password.Length == 0) throw CommandLine.UsageError("The password is empty, so it would not protect the server. Specify one with '--password-file FILE'.");
        if (Encoding.UTF8.GetByteCount(username) + Encoding.UTF8.GetByteCount(password) > MaxTotalLength)
            throw CommandLine.UsageError($"User and password have more than {MaxTotalLength} bytes together, which is more than a request may contain.");
    }

    private static string? Read(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;

    private static string? ReadCredential(string name)
        => Read(SystemdVariable) is { } directory && Path.Combine(directory, name) is var file && File.Exists(file) ? ReadFile(file) : null;

    /// <summary>Reads a password from a file, without the line break at its end.</summary>
    public static string ReadFile(string file)
    {
        try
        {
            return File.ReadAllText(file).TrimEnd('\r', '\n') is { Length: > 0 } password
                ? password
                : throw CommandLine.UsageError($"The file '{file}' is empty.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CommandLine.UsageError($"The file '{file}' can't be read: {e.Message}");
        }
    }
}
